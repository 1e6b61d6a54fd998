package io.llmdb.limits;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The tables of limits and what is done to them, in maps and whole numbers. */
final class ModelDatabase implements SimulatedDatabase {

    private static final Duration PENDING = Duration.ofSeconds(1);
    private static final Duration AGAIN = Duration.ofMillis(500);
    private static final Duration CONTENTION = Duration.ofSeconds(5);

    private final Duration leaseTime;
    private final LimitBug bug;
    private final Map<Key, Row> rows = new HashMap<>();
    private Instant now = Instant.EPOCH;

    ModelDatabase(Duration leaseTime) {
        this(leaseTime, LimitBug.NONE);
    }

    ModelDatabase(Duration leaseTime, LimitBug bug) {
        this.leaseTime = leaseTime;
        this.bug = bug;
    }

    private record Key(LimitId id, long minute, UUID holder) {}

    private static final class Row {
        private long amount;
        private Instant expiresAt = Instant.EPOCH;
        private @Nullable Instant recalledAt;
        private boolean answered;
    }

    @Override
    public void setTime(Instant instant) {
        now = instant;
    }

    @Override
    public long held(LimitId id, UUID holder) {
        Row row = rows.get(new Key(id, minute(id), holder));
        return row == null || !isLive(id, row) ? 0 : row.amount;
    }

    private long minute(LimitId id) {
        return id.isPerMinute() ? Minutes.of(bug.time(now)) : 0;
    }

    private boolean isLive(LimitId id, Row row) {
        return id.isPerMinute() || row.expiresAt.isAfter(now);
    }

    private boolean wasRecalled(Row row, Duration within) {
        Instant at = row.recalledAt;
        return at != null && !at.isBefore(now.minus(within)) && !at.isAfter(now);
    }

    private boolean isContended(LimitId id, Row row) {
        return id.isPerMinute() ? row.recalledAt != null : wasRecalled(row, CONTENTION);
    }

    private boolean isPending(Row row) {
        return !row.answered && wasRecalled(row, PENDING);
    }

    @Override
    public LimitStore store(UUID holder) {
        return new Store(holder);
    }

    private final class Store implements LimitStore {
        private final UUID holder;

        Store(UUID holder) {
            this.holder = holder;
        }

        @Override
        public Reply grant(List<Question> questions) {
            List<Answer> answers = new ArrayList<>();
            questions.forEach(question -> answers.add(answer(question)));
            return new Reply(now, answers);
        }

        private Answer answer(Question q) {
            long minute = minute(q.id());
            long others = 0;
            long pending = 0;
            boolean contended = false;
            List<Row> rivals = new ArrayList<>();
            for (Map.Entry<Key, Row> entry : rows.entrySet()) {
                Key key = entry.getKey();
                Row row = entry.getValue();
                if (!key.id.equals(q.id()) || key.minute != minute || !isLive(q.id(), row)) {
                    continue;
                }
                contended |= isContended(q.id(), row);
                if (!key.holder.equals(holder)) {
                    others += row.amount;
                    pending += isPending(row) ? 1 : 0;
                    rivals.add(row);
                }
            }
            Key ownKey = new Key(q.id(), minute, holder);
            Row own = rows.getOrDefault(ownKey, new Row());
            Long told = q.minute() == minute ? q.kept() : null;
            long kept = q.charge() + (told != null ? told : isLive(q.id(), own) ? own.amount : 0);
            long room = bug.limit(q.limit()) - bug.others(others) - kept;
            boolean refused = room < q.need();
            long granted;
            if (!refused) {
                granted = q.need() + (contended ? 0 : Math.min(q.extra(), (room - q.need()) / 4));
            } else {
                granted = q.least() > 0 && room >= q.least() ? room : 0;
            }
            own.amount = kept + granted;
            own.expiresAt = q.id().isPerMinute() ? Minutes.end(minute) : now.plus(leaseTime);
            own.answered = own.recalledAt != null;
            rows.put(ownKey, own);
            if (refused && q.need() > 0 || room < 0) {
                for (Row rival : rivals) {
                    boolean spared = room < 0 ? wasRecalled(rival, AGAIN) : isContended(q.id(), rival);
                    if (rival.amount > 0 && !spared && bug.recalls()) {
                        rival.recalledAt = now;
                        rival.answered = false;
                        contended = true;
                        pending++;
                    }
                }
            }
            return new Answer(minute, kept, granted, others + kept, room - granted, refused, contended, pending);
        }

        @Override
        public Set<LimitId> renew() {
            Set<LimitId> renewed = new HashSet<>();
            rows.forEach((key, row) -> {
                if (key.holder.equals(holder) && !key.id.isPerMinute() && row.expiresAt.isAfter(now)) {
                    row.expiresAt = now.plus(bug.renewedFor(leaseTime));
                    renewed.add(key.id);
                }
            });
            return renewed;
        }

        @Override
        public Set<LimitId> recalled() {
            Set<LimitId> recalled = new HashSet<>();
            rows.forEach((key, row) -> {
                boolean past = key.id.isPerMinute() && !row.expiresAt.isAfter(now);
                if (key.holder.equals(holder) && row.recalledAt != null && !row.answered && !past) {
                    recalled.add(key.id);
                }
            });
            return recalled;
        }

        @Override
        public void returnSlots() {
            rows.keySet().removeIf(key -> key.holder.equals(holder) && !key.id.isPerMinute());
        }

        @Override
        public void tidy() {
            rows.values().removeIf(row -> row.expiresAt.isBefore(now.minus(Duration.ofMinutes(3))));
        }
    }
}
