/** The proxy itself: what somebody who writes one on llmdb writes. */
@NullMarked
package io.llmdb.examples.gateway.proxy;

import org.jspecify.annotations.NullMarked;
