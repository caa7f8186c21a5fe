/** Fails in its own way many times, while main fails in another: errors_test.ts. */

import {
  AF_INET,
  bindSocket,
  closeDescriptor,
  openSocket,
  receive,
  SOCK_DGRAM,
  sockaddrIn,
  SystemError,
} from "../../../ffi/mod.ts";

const fd = openSocket(AF_INET, SOCK_DGRAM, 0);
const buffer = new Uint8Array(8);
let wrong = 0;
for (let round = 0; round < 50_000; round++) {
  if (receive(fd, buffer, 0) !== -11) wrong++;
}
let code = "";
try {
  bindSocket(fd, sockaddrIn("192.0.2.1", 0));
} catch (error) {
  if (error instanceof SystemError) code = error.code;
}
closeDescriptor(fd);
self.postMessage({ wrong, code });
