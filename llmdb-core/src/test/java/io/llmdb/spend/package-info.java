@org.jspecify.annotations.NullMarked
package io.llmdb.spend;
