/** A small OpenAI-compatible proxy on llmdb, its command line, and a demonstration of both. */
@NullMarked
package io.llmdb.examples.gateway;

import org.jspecify.annotations.NullMarked;
