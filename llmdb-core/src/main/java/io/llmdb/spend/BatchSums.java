package io.llmdb.spend;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a batch comes to, added up in one pass by the finest grain that anything asks for: daily totals are these sums,
 * and counters are made of them. So an event costs a few look-ups, however many counters it is on.
 */
final class BatchSums {

    private static final long DAY_SECONDS = 86_400;

    /** One row of the daily totals by payer and model. */
    record SpendKey(
            long day,
            String keyHash,
            String userId,
            String teamId,
            String organizationId,
            String model,
            String modelGroup,
            String provider) {}

    /** One row of the daily totals of end users or tags. */
    record NamedKey(long day, String name, String model) {}

    /** One row of the daily totals of failures. */
    record ErrorKey(long day, String model, String modelGroup, String type, String statusCode) {}

    /** What the events of a row come to. */
    static final class Sum {
        private BigDecimal spend = BigDecimal.ZERO;
        private long prompt;
        private long completion;
        private long requests;
        private long succeeded;
        private Instant first = Instant.MAX;
        private Instant last = Instant.MIN;

        private void add(SpendEvent event) {
            if (event.cost().signum() != 0) {
                spend = spend.add(event.cost());
            }
            prompt = Math.addExact(prompt, event.promptTokens());
            completion = Math.addExact(completion, event.completionTokens());
            requests++;
            succeeded += event.isSuccess() ? 1 : 0;
            Instant start = event.startTime();
            first = start.isBefore(first) ? start : first;
            last = start.isAfter(last) ? start : last;
        }

        BigDecimal spend() {
            return spend;
        }

        long prompt() {
            return prompt;
        }

        long completion() {
            return completion;
        }

        long requests() {
            return requests;
        }

        long succeeded() {
            return succeeded;
        }

        Instant first() {
            return first;
        }

        Instant last() {
            return last;
        }
    }

    private final List<SpendEvent> events;
    private final Map<SpendKey, Sum> spend;
    private final Map<NamedKey, Sum> endUsers = new HashMap<>();
    private final Map<NamedKey, Sum> tags = new HashMap<>();
    private final Map<ErrorKey, Sum> errors = new HashMap<>();
    private final Map<CounterId, Sum> further = new HashMap<>();

    BatchSums(List<SpendEvent> events) {
        this.events = events;
        this.spend = new HashMap<>(Math.min(events.size(), 10_000));
        events.forEach(this::add);
    }

    private void add(SpendEvent event) {
        long day = Math.floorDiv(event.startTime().getEpochSecond(), DAY_SECONDS);
        String model = event.model();
        SpendKey key = new SpendKey(
                day,
                event.keyHash(),
                event.userId(),
                event.teamId(),
                event.organizationId(),
                model,
                event.modelGroup(),
                event.provider());
        spend.computeIfAbsent(key, any -> new Sum()).add(event);
        if (!event.endUser().isEmpty()) {
            endUsers.computeIfAbsent(new NamedKey(day, event.endUser(), model), any -> new Sum())
                    .add(event);
        }
        for (String tag : distinctTags(event)) {
            tags.computeIfAbsent(new NamedKey(day, tag, model), any -> new Sum())
                    .add(event);
        }
        RequestError error = event.error();
        if (error != null) {
            errors.computeIfAbsent(
                            new ErrorKey(day, model, event.modelGroup(), error.type(), error.statusCode()),
                            any -> new Sum())
                    .add(event);
        }
        for (CounterId counter : event.furtherCounters()) {
            further.computeIfAbsent(counter, any -> new Sum()).add(event);
        }
    }

    /** A request's tags, each once; the empty one is none. */
    static List<String> distinctTags(SpendEvent event) {
        List<String> given = event.tags();
        if (given.isEmpty()) {
            return given;
        }
        List<String> distinct = new ArrayList<>(given.size());
        for (String tag : given) {
            if (!tag.isEmpty() && !distinct.contains(tag)) {
                distinct.add(tag);
            }
        }
        return distinct;
    }

    List<SpendEvent> events() {
        return events;
    }

    Map<SpendKey, Sum> spend() {
        return spend;
    }

    Map<NamedKey, Sum> endUsers() {
        return endUsers;
    }

    Map<NamedKey, Sum> tags() {
        return tags;
    }

    Map<ErrorKey, Sum> errors() {
        return errors;
    }

    /** The counters that events name beside their main ones. */
    Map<CounterId, Sum> further() {
        return further;
    }
}
