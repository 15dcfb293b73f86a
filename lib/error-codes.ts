/** What `error.code` may be; a client, Node or Redis may have others of the kind of the latter two. */
export type ErrorCode = keyof StoreErrorCodes | keyof ConnectionErrorCodes | keyof RedisErrorCodes

/**
 * Codes of the store. `'no'`: Redis has not done what was asked; `'unknown'`: nobody can tell; `'event'`: it
 * comes with `'invalid'` events, and no call fails with it. `docs/errors.md` is made of these comments.
 */
export interface StoreErrorCodes {
  /**
   * The call took longer than `timeout`, all waiting included, or the client's own time limit was
   * first.
   * @remarks Answer 503 with `Retry-After`. If Redis is well: is this process busy, a `serializer`
   * or `onConflict` slow, `timeout` short?
   */
  ETIMEDOUT: 'unknown'
  /**
   * Redis, or the node of a cluster that has the session, has not answered several calls in a row,
   * so this one was not sent; `cause` is the failure that opened the breaker.
   * @remarks Answer 503 with `Retry-After`; it ends by itself. See `store.state`.
   */
  EBREAKER: 'no'
  /**
   * `maxPending` calls are waiting already.
   * @remarks Answer 503 with `Retry-After`; shed load. Raise `maxPending` only if so many in good
   * health are usual.
   */
  EOVERLOAD: 'no'
  /**
   * A reply belonged to another call: the connection is out of step, by a fault of the client or a
   * proxy. It was not given to anybody; all that was in flight fails alike, and the breaker opens.
   * @remarks Answer 503. Find out how: report it, with the versions of client, proxy and Redis.
   */
  EFOREIGN: 'unknown'
  /**
   * The session was changed by another request since it was loaded (`onConflict: 'reject'`), or at
   * every one of very many attempts.
   * @remarks Answer 409, or load it again and repeat.
   */
  ECONFLICT: 'no'
  /**
   * As many sessions as `maxSessions` allows have the same value of `indexBy` (`whenFull:
   * 'reject'`).
   * @remarks Tell the user, who can end one of the others; or choose `'evict'`.
   */
  ETOOMANYSESSIONS: 'no'
  /**
   * What Redis holds under the key does not decode, has no cookie, is that of another session or,
   * with `requireTag`, has no tag.
   * @remarks None: it counts as no session, and an `'invalid'` event tells. Find out who writes
   * there.
   */
  EINVALIDSESSION: 'event'
  /**
   * It was encrypted with a secret that is not in `encryption.secrets`, or there is no
   * `encryption` at all.
   * @remarks **At once**, since all users of such sessions count as logged out: give the secret
   * back, as an older one. A process warning tells of the first one, an `'invalid'` event of each.
   */
  ESECRET: 'event'
  /**
   * It is not encrypted, but with `encryption` it has to be.
   * @remarks Where sessions were not encrypted before: `encryption.acceptPlain`, then `reencrypt`.
   * Else find out who writes there. It is told of like `ESECRET`.
   */
  EPLAIN: 'event'
  /**
   * It was encrypted with a secret that is known, and changed since, or is that of another key.
   * @remarks None: it counts as no session, and an `'invalid'` event tells. Find out who writes
   * there.
   */
  EDECRYPT: 'event'
  /**
   * It was compressed by zstd, which this Node lacks (22.15 or later has it).
   * @remarks **At once**, since its user counts as logged out here: a newer Node, or `compression:
   * { algorithm: 'brotli' }` in all processes. It is told of like `ESECRET`.
   */
  ECODEC: 'event'
  /**
   * The session has more bytes than `maxPayload`; nothing was sent.
   * @remarks Keep less in it: the message names the largest attribute. Large things belong under a
   * key of their own.
   */
  EPAYLOADTOOLARGE: 'no'
  /**
   * Neither the client nor Redis gave a code.
   * @remarks See `cause`.
   */
  EREDIS: 'unknown'
  /**
   * Only on the channels of `docs/tracing.md`: a function of yours threw, or a signal was aborted.
   * The call itself fails with just that.
   * @remarks See what it is.
   */
  EAPP: 'no'
  /**
   * An argument, an option, or what a function of yours gave (`ttl`, `onConflict`, `update`,
   * `serializer`) is not what it should be.
   * @remarks A mistake in the program; the message says what was expected.
   */
  ERR_INVALID_ARG_TYPE: 'no'
  /**
   * There is no such option.
   * @remarks A mistake in the program; the message says what to write.
   */
  ERR_INVALID_ARG_VALUE: 'no'
}

/** Codes of the connection, the same over each client. */
export interface ConnectionErrorCodes {
  /**
   * Nobody listens there (or a socket file is missing).
   * @remarks Answer 503 with `Retry-After`. Is Redis up, and the address right?
   */
  ECONNREFUSED: 'no'
  /**
   * The client is not connected, and does not queue commands, or has ended.
   * @remarks Answer 503 with `Retry-After`. If it never ends: was the client connected, or closed?
   */
  ENOTCONN: 'no'
  /**
   * The name of the host is not known.
   * @remarks Check the address, and DNS.
   */
  ENOTFOUND: 'no'
  /**
   * The connection ended before the answer; also what was still in a client's queue when it gave
   * up.
   * @remarks Answer 503 with `Retry-After`.
   */
  ECONNRESET: 'unknown'
  /**
   * The connection had ended when the command was written.
   * @remarks Answer 503 with `Retry-After`.
   */
  EPIPE: 'unknown'
  /**
   * There is no way to the server, or to the node of a cluster that has the key.
   * @remarks Answer 503 with `Retry-After`. Network, firewall, or the addresses that a cluster
   * announces?
   */
  EHOSTUNREACH: 'unknown'
  /**
   * A Solidis client gave a call the reply of another, or is not in step: its replies are not
   * believed.
   * @remarks Answer 503 with `Retry-After`; nothing is sent until the client is in step again.
   */
  EPROTO: 'unknown'
  /**
   * The queue of the client is full (`commandsQueueMaxLength`).
   * @remarks Shed load; a smaller `maxPending` refuses sooner.
   */
  ENOBUFS: 'no'
  /**
   * The command was aborted in the client.
   * @remarks Who aborts it?
   */
  ECANCELED: 'no'
  /**
   * A cluster redirected the command from node to node.
   * @remarks Try again; the cluster is being rearranged.
   */
  ELOOP: 'no'
  /**
   * The connection is used for subscriptions, or by MONITOR.
   * @remarks Give the store a client of its own.
   */
  EBUSY: 'no'
  /**
   * The client failed with something that is not known here.
   * @remarks See the message and `cause`.
   */
  EIO: 'unknown'
}

/** Codes with which error replies of Redis begin. */
export interface RedisErrorCodes {
  /**
   * The server is a replica, as after a failover.
   * @remarks None: the store makes the client connect anew, where that is possible. Else connect
   * by way of Sentinel, a cluster, or a name that follows the master.
   */
  READONLY: 'no'
  /**
   * The memory of Redis is full. Reading, touching and logging out still work.
   * @remarks More memory, shorter lives, or a `maxmemory-policy` that evicts (`volatile-ttl`).
   */
  OOM: 'no'
  /**
   * The ACL user lacks a right, for the command or for what the store's script does; the message
   * says which, or lists those.
   * @remarks Give it the rights: `docs/security.md#rights-in-redis`.
   */
  NOPERM: 'no'
  /**
   * The connection has not logged in.
   * @remarks Give the client user and password.
   */
  NOAUTH: 'no'
  /**
   * User or password are wrong, or have been changed.
   * @remarks Correct them.
   */
  WRONGPASS: 'no'
  /**
   * The server has started and is reading its data.
   * @remarks Answer 503 with `Retry-After`; it passes.
   */
  LOADING: 'no'
  /**
   * Redis cannot save its data to the disk, and takes no writes (`stop-writes-on-bgsave-error`).
   * @remarks Is the disk full? See the log of Redis.
   */
  MISCONF: 'no'
  /**
   * A replica has lost its master, and does not answer (`replica-serve-stale-data no`).
   * @remarks Answer 503 with `Retry-After`; connect to the master.
   */
  MASTERDOWN: 'no'
  /**
   * Too few replicas are there to write (`min-replicas-to-write`).
   * @remarks Answer 503 with `Retry-After`.
   */
  NOREPLICAS: 'no'
  /**
   * A part of the cluster is missing, as during a failover.
   * @remarks Answer 503 with `Retry-After`; see `CLUSTER INFO`.
   */
  CLUSTERDOWN: 'no'
  /**
   * The key is on another node.
   * @remarks Make the client one for clusters.
   */
  MOVED: 'no'
  /**
   * A script, none of the store's, has run for too long.
   * @remarks `SCRIPT KILL`.
   */
  BUSY: 'no'
  /**
   * The server does not know the script.
   * @remarks None: it is sent whole then, and no call fails by it.
   */
  NOSCRIPT: 'no'
  /**
   * The key of a session holds a list, a hash or the like.
   * @remarks None: it counts as no session, and an `'invalid'` event tells. Find out who writes
   * there.
   */
  WRONGTYPE: 'no'
  /**
   * Anything else.
   * @remarks See the message.
   */
  ERR: 'no'
}
