/**
 * The kernel's load balancer without the kernel: its messages as bytes, its table as data, and
 * the plan that leads from one table to another. What opens a socket is in `mod/kernel`.
 *
 * @module
 */

export {
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_GET_CONFIG,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_GET_INFO,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DAEMON,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_CONFIG,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_INFO,
  IPVS_CMD_SET_SERVICE,
  IPVS_CMD_ZERO,
  IPVS_FAMILY,
  IPVS_VERSION,
} from "./constants.ts";
export {
  type DestinationState,
  type Info,
  readCommandNumber,
  readDaemon,
  readDestination,
  readDestinationKey,
  readInfo,
  readService,
  readServiceKey,
  readTimeouts,
  type ServiceState,
} from "./decode.ts";
export { type Command, encodeCommand, encodeQuestion, type Question } from "./encode.ts";
export {
  type Counters,
  type Destination,
  type DestinationKey,
  destinationName,
  type Family,
  type Forward,
  GREATEST_WEIGHT,
  netmaskOf,
  type Persistence,
  type Protocol,
  refuseDestination,
  refuseService,
  sameDestination,
  sameService,
  type Service,
  type ServiceKey,
  serviceName,
  type SyncDaemon,
  type Timeouts,
  type Tunnel,
  TUNNEL_CHECKSUM,
  TUNNEL_REMOTE_CHECKSUM,
  type TunnelType,
  wholeNetmask,
} from "./model.ts";
export { placesOf, sampleServices, TakenPlaces } from "./places.ts";
export {
  describeCommand,
  planTable,
  type Removable,
  type TableCommand,
  TableModel,
} from "./planner.ts";
export {
  asDestination,
  buildingTable,
  buildTable,
  destinationAt,
  destinationNameAt,
  destinationPort,
  expandListen,
  familyOfListen,
  LARGEST_RANGE,
  type Listen,
  type RealServer,
  sameEntry,
  servedBy,
  serviceAt,
  servicePort,
  type ServiceSettings,
  type Table,
  type TableEntry,
  type VirtualServer,
} from "./table.ts";
