package io.llmdb.usage;

import java.time.LocalDate;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A row of a report.
 *
 * @param day the day, in the zone asked for; null where the report is not by day
 * @param ids what it was asked to be told apart by → the id; the empty text stands for requests without one
 * @param totals the usage
 */
public record UsageRow(@Nullable LocalDate day, Map<UsageDimension, String> ids, UsageTotals totals) {

    /** Copies the map. */
    public UsageRow {
        ids = Map.copyOf(ids);
    }

    /**
     * @param dimension what the report was asked to be told apart by
     * @return the id; null where the report does not tell it
     */
    public @Nullable String id(UsageDimension dimension) {
        return ids.get(dimension);
    }
}
