package io.llmdb.spend;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An event that could not be booked.
 *
 * @param id the letter's id; an event has several letters where it came with several contents
 * @param event the event as it came, or as it was mended last
 * @param reason why it was not booked
 * @param sqlState PostgreSQL's SQLSTATE, or null where the reason is ours
 * @param createdAt since when it waits
 */
public record DeadLetter(
        UUID id, SpendEvent event, String reason, @Nullable String sqlState, Instant createdAt) {}
