/**
 * The TOML parser, in one place so that another can take its place.
 *
 * @module
 */

export { parse, TomlError } from "smol-toml";
