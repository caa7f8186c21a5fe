import assert from "node:assert/strict";
import {
  AF_INET,
  bindSocket,
  closeDescriptor,
  getSocketName,
  openSocket,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrPort,
} from "../../../ffi/mod.ts";
import { findInodes, ownerOfUdpPort } from "../../../mod/plane/port_owner.ts";

const TABLE =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 1136: 010200C0:0EC7 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0 0
 1137: 00000000:0EC8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 8377 2 0 0
`;

Deno.test("the inode of the socket that has a port", () => {
  assert.deepEqual(findInodes(TABLE, 3784), ["8377"]);
  assert.deepEqual(findInodes(TABLE, 3783), ["11"]);
  assert.deepEqual(findInodes(TABLE, 4784), []);
  assert.deepEqual(findInodes("", 3784), []);
});

Deno.test("the program that has a port is named; nobody is where there is none", () => {
  const socket = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    bindSocket(socket, sockaddrIn("127.0.0.1", 0));
    const port = sockaddrPort(getSocketName(socket));
    assert.match(ownerOfUdpPort("ipv4", port) ?? "", new RegExp(`\\(pid ${Deno.pid}\\)$`));
    assert.equal(ownerOfUdpPort("ipv6", port), undefined);
  } finally {
    closeDescriptor(socket);
  }
});

Deno.test("descriptors that come and go meanwhile hide nobody", async () => {
  // Those that vanish stand before the one that is looked for: they are opened first.
  const program = `
    const open = () => Array.from({ length: 20 }, () => Deno.openSync("/dev/null"));
    let files = open();
    postMessage("opened");
    onmessage = () => {
      for (const end = performance.now() + 400; performance.now() < end; files = open()) {
        for (const file of files) file.close();
      }
      for (const file of files) file.close();
      postMessage("done");
    };
  `;
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const said = () => new Promise((resolve) => worker.onmessage = resolve);
  await said();
  const socket = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    bindSocket(socket, sockaddrIn("127.0.0.1", 0));
    const port = sockaddrPort(getSocketName(socket));
    const done = said();
    worker.postMessage("go");
    for (let time = 0; time < 50; time++) {
      assert.ok(ownerOfUdpPort("ipv4", port)?.endsWith(`(pid ${Deno.pid})`), `time ${time}`);
    }
    await done;
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
    closeDescriptor(socket);
  }
});
