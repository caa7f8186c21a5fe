/**
 * Passwords and keys, and what is computed with them: values that nobody prints, comparison in
 * constant time, hashes. Pure; everything else may use it.
 *
 * @module
 */

export { md5, MD5_LENGTH, sha1, SHA1_LENGTH, sha256, SHA256_LENGTH } from "./digest.ts";
export { hmac } from "./hmac.ts";
export { sameBytes, sameRange } from "./same_bytes.ts";
export { Secret } from "./secret.ts";
