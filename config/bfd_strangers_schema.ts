/**
 * The tables `[bfd_reflector]` (Seamless BFD, RFC 7880 and 7881) and `[bfd_unsolicited]` (RFC 9468):
 * BFD with hosts that no `[[bfd]]` names. Both are off unless they are written.
 *
 * @module
 */

import * as v from "valibot";
import { parseIpv4 } from "../ffi/address.ts";
import { hostAddress } from "./address_fields.ts";
import { BFD_AUTH_TABLE } from "./bfd_auth_schema.ts";
import { type Doc, documented, duration, flag, refusalIssue, VALUE, whole } from "./fields.ts";
import { interfaceName, namespaceName } from "./names.ts";
import { MOST_U32, network } from "./network_fields.ts";
