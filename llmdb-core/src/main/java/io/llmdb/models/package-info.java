/** Models in the database, and which models a caller may call. */
@NullMarked
package io.llmdb.models;

import org.jspecify.annotations.NullMarked;
