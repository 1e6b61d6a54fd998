package io.llmdb.usage;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** All that a pass over the books found, for the report and for the repair. */
record Findings(
        Instant at,
        BookDays days,
        DailyCheck daily,
        CounterCheck main,
        FurtherCounterCheck further,
        Judge judge,
        List<Difference> errors,
        List<Difference> sums,
        List<String> leases) {

    List<Difference> differences() {
        List<Difference> differences = new ArrayList<>();
        main.states().values().forEach(state -> differences.addAll(state.differences()));
        further.states().forEach(state -> differences.addAll(state.differences()));
        differences.addAll(daily.differences());
        differences.addAll(judge.differences());
        differences.addAll(errors);
        differences.addAll(sums);
        return differences;
    }

    Verification verification(long started) {
        List<Difference> differences = differences();
        List<String> notes = new ArrayList<>(daily.notes());
        if (days.believed() > 0) {
            notes.add("The log of " + days.believed() + " days was not read: their daily totals are believed");
        }
        if (main.windowsUnknown() > 0) {
            notes.add("The windows of " + main.windowsUnknown()
                    + " counters are not checked: they began within a day of which the log does not tell all");
        }
        notes.addAll(further.notes());
        notes.addAll(leases);
        int listed = Math.min(differences.size(), Verification.MAX_LISTED);
        return new Verification(
                at,
                differences.subList(0, listed),
                differences.size() - listed,
                notes,
                daily.logRows(),
                daily.logSpend(),
                days.sources().size(),
                main.counters() + further.counters(),
                Duration.ofNanos(System.nanoTime() - started));
    }
}
