package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;

/**
 * A budget's window that is over.
 *
 * @param counter whose budget
 * @param start its first instant
 * @param end the first instant of the next
 * @param spent what it has spent; bookings that come late are added
 */
public record PastWindow(CounterId counter, Instant start, Instant end, BigDecimal spent) {}
