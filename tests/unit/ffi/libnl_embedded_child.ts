/**
 * A process that has no libnl of its host's: it takes the embedded copies, which a test gives it
 * from the folder that is its argument, and tells what came of it. Both copies in one process would
 * mix.
 */

import { GenericSocket } from "../../../ffi/mod.ts";

const [folder = ""] = Deno.args;
const absent = { soname: "libhalb-is-not-there.so.1", packages: "nothing" };
const open = () => [...Deno.readDirSync("/proc/self/fd")].length;

const before = open();
const socket = new GenericSocket({
  core: absent,
  embedded: (soname) => Deno.readFileSync(`${folder}/${soname}`),
});
const family = socket.resolve("nlctrl");
const mapped = Deno.readTextFileSync("/proc/self/maps").match(/r-xp .*\/memfd:libnl\S+/g) ?? [];
const { origin } = socket;
socket.close();
console.log(JSON.stringify({
  origin,
  family,
  mapped: mapped.map((line) => line.replace(/.*\/memfd:/, "")).sort(),
  leftOpen: open() - before,
}));
