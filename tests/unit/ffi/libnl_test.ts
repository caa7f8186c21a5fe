import assert from "node:assert/strict";
import {
  bindSymbols,
  closeRegistered,
  EAGAIN,
  GenericSocket,
  LibnlError,
  MissingLibrary,
  MSG_DONTWAIT,
  newDescriptorRegistry,
  receive,
  useDescriptorRegistry,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();
new GenericSocket().close();

/** The family that knows the families; its number is the same everywhere. */
const NLCTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const NLMSG_ERROR = 2;

/** A question about a family by number, with an acknowledgement. */
function familyRequest(sequence: number, family: number): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 28, true);
  view.setUint16(4, NLCTRL, true);
  view.setUint16(6, 0x5, true);
  view.setUint32(8, sequence, true);
  view.setUint8(16, CTRL_CMD_GETFAMILY);
  view.setUint8(17, 1);
  view.setUint16(20, 6, true);
  view.setUint16(22, CTRL_ATTR_FAMILY_ID, true);
  view.setUint16(24, family, true);
  return bytes;
}

/** Type, sequence and errno of every message that is queued. */
function answers(socket: GenericSocket): [type: number, sequence: number, errno: number][] {
  const buffer = new Uint8Array(32768);
  const view = new DataView(buffer.buffer);
  const found: [number, number, number][] = [];
  for (;;) {
    const length = receive(socket.fd, buffer, MSG_DONTWAIT);
    if (length === -EAGAIN) return found;
    assert.ok(length > 0, `receive: ${length}`);
    for (let at = 0; at < length; at += (view.getUint32(at, true) + 3) & ~3) {
      const type = view.getUint16(at + 4, true);
      const errno = type === NLMSG_ERROR ? Math.abs(view.getInt32(at + 16, true)) : 0;
      found.push([type, view.getUint32(at + 8, true), errno]);
    }
  }
}

Deno.test("libnl: a family is resolved, one that is not there is told apart", () => {
  const socket = new GenericSocket();
  try {
    assert.equal(socket.resolve("nlctrl"), NLCTRL);
    assert.ok(socket.portId > 0);
    assert.throws(
      () => socket.resolve("no-such-family"),
      (error: unknown) =>
        error instanceof LibnlError && error.notFound &&
        /^genl_ctrl_resolve no-such-family: Object not found$/.test(error.message),
    );
    // The refusal has left nothing behind.
    assert.deepEqual(answers(socket), []);
    assert.equal(socket.resolve("nlctrl"), NLCTRL);
  } finally {
    socket.close();
  }
});

Deno.test("libnl: many requests in one send, each answered and acknowledged", () => {
  const socket = new GenericSocket();
  try {
    socket.setBuffers(1 << 20, 1 << 20);
    assert.deepEqual(answers(socket), []);
    const requests = new Uint8Array(28 * 3);
    requests.set(familyRequest(7, NLCTRL), 0);
    requests.set(familyRequest(8, 0x7fff), 28);
    requests.set(familyRequest(9, NLCTRL), 56);
    socket.send(requests);
    const ENOENT = 2;
    assert.deepEqual(answers(socket), [
      [NLCTRL, 7, 0],
      [NLMSG_ERROR, 7, 0],
      [NLMSG_ERROR, 8, ENOENT],
      [NLCTRL, 9, 0],
      [NLMSG_ERROR, 9, 0],
    ]);
  } finally {
    socket.close();
  }
});

Deno.test("libnl: a library that is not there is named, with the packages that bring it", () => {
  for (const libraries of [{ core: absent }, { generic: absent }]) {
    assert.throws(
      () => new GenericSocket(libraries),
      (error: unknown) =>
        error instanceof MissingLibrary && error.library === absent.soname &&
        error.message ===
          "Cannot load libhalb-is-not-there.so.1, which virtual servers need: install nothing",
    );
  }
});

const absent = { soname: "libhalb-is-not-there.so.1", packages: "nothing" };

/** Where the packages of scripts/setup put it. */
const FOLDER = `/usr/lib/${Deno.build.arch}-linux-gnu`;

Deno.test("libnl: a host without it takes the embedded copies, and leaves nothing open", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("libnl_embedded_child.ts", import.meta.url).pathname]
      .concat(FOLDER),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
    origin: "embedded",
    family: NLCTRL,
    mapped: ["libnl-3.so.200", "libnl-genl-3.so.200"],
    leftOpen: 0,
  });
});

Deno.test("libnl: the host's own is preferred to an embedded copy", () => {
  const never = () => assert.fail("the embedded copy was looked at");
  const socket = new GenericSocket({ embedded: never });
  assert.equal(socket.origin, "host");
  socket.close();
});

Deno.test("libnl: an embedded copy that cannot be loaded is told of, and the packages too", () => {
  assert.throws(
    () => new GenericSocket({ core: absent, embedded: () => new Uint8Array(64) }),
    (error: unknown) =>
      error instanceof MissingLibrary && error.library === absent.soname &&
      /install nothing \(the copy in this program: .+\)$/.test(error.message),
  );
});

Deno.test("libnl: its descriptor is noted while it is open, and gone after close", () => {
  const registry = newDescriptorRegistry();
  useDescriptorRegistry(registry);
  try {
    const socket = new GenericSocket();
    const bit = (registry[socket.fd >> 5]! >> (socket.fd & 31)) & 1;
    assert.equal(bit, 1);
    socket.close();
    socket.close();
    assert.deepEqual(closeRegistered(registry), []);
    assert.throws(() => socket.send(familyRequest(1, NLCTRL)), /closed/);
    assert.throws(() => socket.resolve("nlctrl"), /closed/);
  } finally {
    useDescriptorRegistry(null);
  }
});
