/**
 * A client of the traffic tests, run in the client's namespace. It connects to an address and port
 * as often as it is told, prints what each server calls itself, one line each, and with `--talk`
 * keeps the last connection and prints the answer to each line of its standard input.
 *
 * @module
 */

const [hostname = "", port = "", count = "1", mode = ""] = Deno.args;

/** Reads one line of a connection. */
async function readLine(connection: Deno.Conn): Promise<string> {
  const bytes: number[] = [];
  const byte = new Uint8Array(1);
  while (await connection.read(byte) !== null) {
    if (byte[0] === 10) return new TextDecoder().decode(Uint8Array.from(bytes));
    bytes.push(byte[0]!);
  }
  return "(closed)";
}

for (let i = 1; i <= Number(count); i++) {
  const connection = await Deno.connect({ hostname, port: Number(port) });
  console.log(await readLine(connection));
  if (i === Number(count) && mode === "--talk") {
    const chunk = new Uint8Array(64);
    for (let got = await Deno.stdin.read(chunk); got !== null; got = await Deno.stdin.read(chunk)) {
      await connection.write(chunk.subarray(0, got));
      console.log(await readLine(connection));
    }
  }
  connection.close();
}
