/** Moving a database to another server, on real databases. */
@NullMarked
package io.llmdb.tests.move;

import org.jspecify.annotations.NullMarked;
