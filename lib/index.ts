export type { Callback } from './callback.ts'
export { fromIoredis, type IoredisClient, type IoredisCluster } from './clients/ioredis.ts'
export {
  fromNodeRedis,
  type NodeRedisClient,
  type NodeRedisCluster,
  type NodeRedisSentinel,
} from './clients/node-redis.ts'
export { type SolidisOptions, solidisOptions } from './clients/solidis-options.ts'
export type { Merge, OnConflict } from './concurrency/merge.ts'
export type { SessionWithId } from './concurrency/sessions.ts'
export { carrySnapshot } from './concurrency/snapshot.ts'
export type { Change } from './concurrency/update.ts'
export type { ErrorCode } from './error-codes.ts'
export {
  InvalidSessionError,
  PayloadTooLargeError,
  RedisError,
  SessionConflictError,
  TooManySessionsError,
} from './errors.ts'
export type { SolidisStoreEvents } from './events.ts'
export type { SolidisStoreOptions } from './options.ts'
export type { DestroyByOptions, FoundSession } from './owners/find.ts'
export type { IndexBy } from './owners/members.ts'
export type { MaxSessions } from './owners/owners.ts'
export type { BreakerState } from './redis/breaker.ts'
export type { Command, SolidisLike } from './redis/client.ts'
export type { Compression } from './session/compression.ts'
export { handleOf } from './session/name.ts'
export type { Serializer } from './session/payload.ts'
export type { Encryption } from './session/sealing.ts'
export type { Ttl } from './session/ttl.ts'
export { SolidisStore } from './store.ts'
export type { CallMethod, CallOutcome, CallTrace, ChannelMessages } from './tracing/channels.ts'
export type { ShownError } from './tracing/shown-error.ts'
export type { WalkOptions, WalkProgress } from './walk/options.ts'
