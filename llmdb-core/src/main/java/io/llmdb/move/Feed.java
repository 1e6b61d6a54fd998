package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows of a log on the source that become rows of a log on the target: the same log, or spend log rows that leave a
 * receipt only.
 *
 * @param target the log on the target
 * @param source the log on the source
 * @param from the first UTC day that counts; null: from the beginning
 * @param until the first UTC day that does not count any more; null: to the end
 */
record Feed(
        Log target,
        Log source,
        @Nullable LocalDate from,
        @Nullable LocalDate until) {

    static List<Feed> of(MoveChoice choice) {
        List<Feed> feeds = new ArrayList<>();
        for (Log log : Catalogue.LOGS) {
            switch (log.name()) {
                case Catalogue.SPEND_LOGS -> {
                    if (choice.spendLogs()) {
                        feeds.add(new Feed(log, log, choice.logsFrom(), choice.logsUntil()));
                    }
                }
                case Catalogue.RECEIPTS -> {
                    Log spend = Catalogue.LOGS.get(0);
                    feeds.add(new Feed(log, log, choice.logsFrom(), null));
                    if (!choice.spendLogs()) {
                        feeds.add(new Feed(log, spend, choice.logsFrom(), null));
                    } else if (choice.logsUntil() != null) {
                        feeds.add(new Feed(log, spend, choice.logsUntil(), null));
                    }
                }
                case "LLM_ErrorLogs" -> {
                    if (choice.errorLogs()) {
                        feeds.add(new Feed(log, log, choice.logsFrom(), choice.logsUntil()));
                    }
                }
                default -> {
                    if (choice.auditLog()) {
                        feeds.add(new Feed(log, log, null, null));
                    }
                }
            }
        }
        return feeds;
    }

    /** The feeds of each log on the target. */
    static Map<Log, List<Feed>> byTarget(MoveChoice choice) {
        Map<Log, List<Feed>> feeds = new LinkedHashMap<>();
        for (Feed feed : of(choice)) {
            feeds.computeIfAbsent(feed.target(), log -> new ArrayList<>()).add(feed);
        }
        return feeds;
    }

    /** Whether the rows stand in for others. */
    boolean isDerived() {
        return !target.equals(source);
    }

    /** The rows that count, as a condition; always true where all do. */
    String condition() {
        String time = Names.quoted(source.time());
        String lower = from == null ? "" : time + " >= '" + from + " 00:00:00+00'";
        String upper = until == null ? "" : time + " < '" + until + " 00:00:00+00'";
        return lower.isEmpty() && upper.isEmpty()
                ? "true"
                : lower + (lower.isEmpty() || upper.isEmpty() ? "" : " AND ") + upper;
    }
}
