/**
 * What the kernel is asked to do about routes and rules that move with mastership: plain data, and
 * how it becomes netlink. All of them carry our protocol number, by which they are told from the
 * host's own.
 *
 * @module
 */

import {
  addRule,
  deleteRule,
  dropRoute,
  type MessageWriter,
  putRoute,
  type RouteForm,
  type RuleForm,
} from "../netlink/mod.ts";
import { ownProtocol } from "./mark.ts";

/** What identifies a route to the kernel. */
export type RouteId = Pick<RouteForm<unknown>, "to" | "table" | "tos" | "metric">;

interface RoutingOperationBase {
  /** One of the routers that have it; empty: a leftover of none. */
  readonly router: string;
  /** Names it in the book. */
  readonly key: string;
  /** In words of `ip`. */
  readonly text: string;
}

/** Make the route, or put it in the place of one of ours that may differ. */
export interface PutRoute extends RoutingOperationBase {
  readonly type: "put_route";
  readonly route: RouteForm<number>;
  readonly mode: "create" | "replace";
}

export interface DropRoute extends RoutingOperationBase {
  readonly type: "drop_route";
  readonly route: RouteId;
}

export interface AddRule extends RoutingOperationBase {
  readonly type: "add_rule";
  readonly rule: RuleForm;
}

export interface DropRule extends RoutingOperationBase {
  readonly type: "drop_rule";
  readonly rule: RuleForm;
}

export type RoutingOperation = PutRoute | DropRoute | AddRule | DropRule;

/** Whether an operation is one of these. */
export function isRoutingOperation(
  operation: { readonly type: string },
): operation is RoutingOperation {
  return /^(put|drop)_route$|^(add|drop)_rule$/.test(operation.type);
}

/** Appends one operation as a request with an acknowledgement. @throws {RangeError} */
export function encodeRoutingOperation(
  writer: MessageWriter,
  sequence: number,
  operation: RoutingOperation,
): void {
  switch (operation.type) {
    case "put_route":
      return putRoute(writer, sequence, operation.route, ownProtocol(), operation.mode);
    case "drop_route":
      return dropRoute(writer, sequence, operation.route, ownProtocol());
    case "add_rule":
      return addRule(writer, sequence, operation.rule, ownProtocol());
    case "drop_rule":
      return deleteRule(writer, sequence, operation.rule, ownProtocol());
  }
}

/** An operation in words, for logs. */
export function describeRoutingOperation({ type, text }: RoutingOperation): string {
  const verb = type.startsWith("drop") ? "remove" : "add";
  return `${verb} ${type.endsWith("route") ? "route" : "rule"} ${text}`;
}
