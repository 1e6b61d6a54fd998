/** A command for administrators: {@link io.llmdb.examples.admin.Admin} and its subcommands. */
@NullMarked
package io.llmdb.examples.admin;

import org.jspecify.annotations.NullMarked;
