/** Clients of the proxy: planned traffic, real traces, and what the clients remember of the answers. */
@NullMarked
package io.llmdb.examples.gateway.traffic;

import org.jspecify.annotations.NullMarked;
