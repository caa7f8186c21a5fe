/**
 * Sizes and offsets of the kernel's structures.
 *
 * Both supported machines are little-endian with 64-bit pointers, so almost everything is the same
 * (architecture.ts has the rest). The x86-64 numbers are
 * checked against the running kernel by `verifyLayouts()`; those of aarch64 follow from the
 * kernel's headers and the AAPCS64 rules for alignment, and the same function checks them wherever
 * halb first runs on such a machine.
 *
 * @module
 */

import { ARCHITECTURE } from "./architecture.ts";

/** `struct epoll_event` of this machine. */
export const EPOLL_LAYOUT = ARCHITECTURE.epollEvent;

/** `struct msghdr`: 56 bytes; offsets of its fields. */
export const MSGHDR_SIZE = 56;
export const MSGHDR_NAME = 0;
export const MSGHDR_NAME_LENGTH = 8;
export const MSGHDR_IOV = 16;
export const MSGHDR_IOV_LENGTH = 24;
export const MSGHDR_CONTROL = 32;
export const MSGHDR_CONTROL_LENGTH = 40;
export const MSGHDR_FLAGS = 48;

/** `struct mmsghdr`: a msghdr and the 32-bit length of the message, padded to 64 bytes. */
export const MMSGHDR_SIZE = 64;
export const MMSGHDR_LENGTH = 56;

/** `struct iovec`: pointer and 64-bit length. */
export const IOVEC_SIZE = 16;
export const IOVEC_LENGTH = 8;

/** `struct cmsghdr`: 64-bit length, level, type, then the data; messages start at multiples of 8. */
export const CMSG_LEVEL = 8;
export const CMSG_TYPE = 12;
export const CMSG_DATA = 16;

/** Bytes that one control message of so much data takes in a control buffer (CMSG_SPACE). */
export function controlSpace(dataLength: number): number {
  return CMSG_DATA + ((dataLength + 7) & ~7);
}
