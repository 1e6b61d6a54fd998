/** The run that people see: a database, a small company, traffic, a report, and the check of the books. */
@NullMarked
package io.llmdb.examples.gateway.demo;

import org.jspecify.annotations.NullMarked;
