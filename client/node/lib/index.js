'use strict'
/* index.js - what the package offers. */
const { Client } = require('./client.js')
const { ForkcastError, BatchError } = require('./errors.js')
const { Publisher } = require('./publisher.js')
const { RepositoryEventEmitter } = require('./repository.js')
const { eventName } = require('./event_name.js')
const { CacheSync, CacheReceiver } = require('./cache.js')
const { Notifier } = require('./notifier.js')

module.exports = { Client, ForkcastError, BatchError, Publisher, RepositoryEventEmitter, eventName, CacheSync, CacheReceiver, Notifier }
