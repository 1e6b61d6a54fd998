/** Tests of models: who may call which, and their credentials. */
@org.jspecify.annotations.NullMarked
package io.llmdb.tests.models;
