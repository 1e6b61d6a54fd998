@NullMarked
package io.llmdb.examples.admin;

import org.jspecify.annotations.NullMarked;
