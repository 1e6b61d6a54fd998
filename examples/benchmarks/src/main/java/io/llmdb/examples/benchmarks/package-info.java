/** Measures llmdb against named floors and rivals. */
@org.jspecify.annotations.NullMarked
package io.llmdb.examples.benchmarks;
