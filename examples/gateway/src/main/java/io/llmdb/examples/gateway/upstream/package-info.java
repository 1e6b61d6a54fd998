/** Where requests are answered: a stub by default, or any OpenAI-compatible server. */
@NullMarked
package io.llmdb.examples.gateway.upstream;

import org.jspecify.annotations.NullMarked;
