/** Tests of limits from the inside: the same code against a model of the database and against the database. */
@NullMarked
package io.llmdb.limits;

import org.jspecify.annotations.NullMarked;
