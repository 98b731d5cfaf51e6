/* index.mjs - the same classes for `import`: there is one copy of them, in lib/. */
import kit from './lib/index.js'

export const { Client, ForkcastError, BatchError, Publisher, RepositoryEventEmitter, eventName, CacheSync, CacheReceiver, Notifier } = kit
