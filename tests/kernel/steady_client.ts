/**
 * A client that asks for `/` over HTTP again and again, each time over a connection of its own and
 * without waiting for the requests before. It prints a line of JSON for each: see `Asked`.
 * Arguments: address, port, milliseconds from one to the next, milliseconds that one may take.
 *
 * @module
 */

/** One request; times in milliseconds since 1970. */
export interface Asked {
  readonly begun: number;
  readonly ended: number;
  /** What the server calls itself. */
  readonly server?: string;
  /** Why there is no answer. */
  readonly failed?: string;
}

const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n",
);

/** Asks once. @returns the body @throws where the answer is not whole, or not 200 */
async function ask(hostname: string, port: number, connected: (conn: Deno.Conn) => void) {
  const connection = await Deno.connect({ hostname, port });
  connected(connection);
  for (let at = 0; at < REQUEST.length;) at += await connection.write(REQUEST.subarray(at));
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(1024);
  let text = "";
  for (let got = await connection.read(chunk); got !== null; got = await connection.read(chunk)) {
    text += decoder.decode(chunk.subarray(0, got));
  }
  const whole = /^HTTP\/1\.1 200 [^]*\r\nContent-Length: (\d+)\r\n[^]*\r\n\r\n([^]*)$/.exec(text);
  if (whole === null || whole[2]!.length !== Number(whole[1])) throw new Error("no whole answer");
  return whole[2]!.trim();
}

async function askInTime(hostname: string, port: number, limit: number): Promise<Asked> {
  const begun = Date.now();
  let connection: Deno.Conn | undefined;
  let late = false;
  const close = () => {
    try {
      connection?.close();
    } catch {
      // It has been closed before.
    }
  };
  const answer = ask(hostname, port, (conn) => {
    connection = conn;
    if (late) close();
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
  });
  try {
    const server = await Promise.race([answer, timeout]);
    return { begun, ended: Date.now(), server };
  } catch (error) {
    return {
      begun,
      ended: Date.now(),
      failed: error instanceof Error ? error.message : `${error}`,
    };
  } finally {
    late = true;
    clearTimeout(timer);
    answer.catch(() => {});
    close();
  }
}

if (import.meta.main) {
  const [hostname = "", port, interval, limit] = Deno.args;
  setInterval(async () => {
    console.log(JSON.stringify(await askInTime(hostname, Number(port), Number(limit))));
  }, Number(interval));
}
