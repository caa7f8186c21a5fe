/**
 * What ends a command with exit code 4.
 *
 * @module
 */

/** A privilege or a kernel feature is missing. */
export class MissingPrivilege extends Error {}
