package io.llmdb.usage;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * All about one key, user, team or organization over some days.
 *
 * @param dimension which of them
 * @param id the id; of a key its hash
 * @param total everything summed up
 * @param byDay by day, the first first; days without usage are left out
 * @param top the most expensive models, providers, keys, users and teams behind it, without the dimension itself
 */
public record UsageReport(
        UsageDimension dimension,
        String id,
        UsageTotals total,
        List<UsageRow> byDay,
        Map<UsageDimension, List<UsageRow>> top) {

    /** Copies the lists. */
    public UsageReport {
        byDay = List.copyOf(byDay);
        Map<UsageDimension, List<UsageRow>> copy = new EnumMap<>(UsageDimension.class);
        top.forEach((key, rows) -> copy.put(key, List.copyOf(rows)));
        top = Map.copyOf(copy);
    }
}
