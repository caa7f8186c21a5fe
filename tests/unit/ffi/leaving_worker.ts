/** Opens descriptors, closes one, and says which it left open: descriptor_test.ts. */

import {
  AF_INET,
  Epoll,
  EventFd,
  openSocket,
  openSocketPair,
  SOCK_DGRAM,
  useDescriptorRegistry,
} from "../../../ffi/mod.ts";

self.onmessage = (event: MessageEvent<Int32Array>) => {
  useDescriptorRegistry(event.data);
  const socket = openSocket(AF_INET, SOCK_DGRAM, 0);
  const closed = new EventFd();
  const left = [socket, ...openSocketPair(SOCK_DGRAM), new Epoll().fd, new EventFd().fd];
  closed.close();
  self.postMessage(left.sort((a, b) => a - b));
};
