/** Budgets and limits that hold: admissions, reservations, leases. */
@NullMarked
package io.llmdb.budgets;

import org.jspecify.annotations.NullMarked;
