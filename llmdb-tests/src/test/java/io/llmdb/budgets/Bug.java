package io.llmdb.budgets;

import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.SimDatabase.Counter;
import io.llmdb.budgets.SimDatabase.Event;
import io.llmdb.budgets.SimDatabase.Lease;
import io.llmdb.budgets.Slice.Deadline;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Ticks;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.LeaseShare;
import io.llmdb.spend.WindowRoll;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Faults planted on purpose, to see that the simulation finds each of them. */
enum Bug {
    NONE,

    A_RELEASE_IS_LOST {
        @Override
        Slice slice(CounterId counter, long epoch) {
            return new Slice(counter, epoch) {
                @Override
                synchronized void release(Hold hold) {}
            };
        }
    },

    A_RELEASE_COUNTS_TWICE {
        @Override
        Slice slice(CounterId counter, long epoch) {
            return new Slice(counter, epoch) {
                @Override
                synchronized void release(Hold hold) {
                    Hold twin = hold.copy();
                    super.release(hold);
                    super.release(twin);
                }
            };
        }
    },

    A_BOOKING_IS_NOT_HEARD {
        @Override
        Slice slice(CounterId counter, long epoch) {
            return new Slice(counter, epoch) {
                @Override
                synchronized void booked(Hold hold) {}
            };
        }
    },

    A_BOOKING_TAKES_NOTHING_FROM_THE_LEASE {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean takes(Lease lease, LeaseShare share) {
                    return false;
                }
            };
        }
    },

    THE_SAME_ROOM_IS_GRANTED_TWICE {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                BigDecimal reserved(CounterId counter, UUID holder) {
                    return BigDecimal.ZERO;
                }
            };
        }
    },

    A_RESET_COMES_LATE {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean isOver(Counter counter) {
                    return counter.resetAt == null
                            ? counter.duration != null
                            : now().isAfter(counter.resetAt.plusSeconds(3));
                }
            };
        }
    },

    A_WINDOWS_END_LOSES_LATE_SPEND {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                void roll(Counter counter, List<WindowRoll.Spent> added) {
                    super.roll(counter, List.of());
                }
            };
        }
    },

    A_BOOKING_WHOSE_ANSWER_WAS_LOST_COUNTS_AGAIN {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean isKnown(Event event) {
                    return false;
                }
            };
        }
    },

    A_QUESTION_WHOSE_ANSWER_WAS_LOST_COUNTS_AS_NOT_ASKED {
        @Override
        LeaseDesk desk(LeasePolicy policy, Ticks ticks, Clock clock) {
            return new LeaseDesk(policy, ticks, clock) {
                @Override
                Slice newSlice(CounterId counter, long epoch) {
                    return new Forgetful(counter, epoch);
                }

                @Override
                void failed(Step asked, LlmDbException reason) {
                    super.failed(asked, reason);
                    if (asked instanceof Step.Grant grant) {
                        Set<CounterId> counters = grant.questions().stream()
                                .map(Question::counter)
                                .collect(Collectors.toSet());
                        slices().stream()
                                .filter(slice -> counters.contains(slice.counter()))
                                .forEach(slice -> ((Forgetful) slice).asIfNotAsked());
                    }
                }
            };
        }
    },

    A_LEASE_NEVER_ENDS_FOR_ITS_HOLDER {
        @Override
        Deadline deadline(Deadline real) {
            return new Deadline(real.nanos() + 3_600_000_000_000L, real.wallMillis() + 3_600_000L * 9);
        }
    },

    A_LEASE_ENDS_BY_THE_MONOTONIC_CLOCK_ALONE {
        @Override
        Deadline deadline(Deadline real) {
            return new Deadline(real.nanos(), Long.MAX_VALUE);
        }
    },

    A_LEASE_ENDS_BY_THE_TIME_OF_DAY_ALONE {
        @Override
        Deadline deadline(Deadline real) {
            return new Deadline(Long.MAX_VALUE / 2, real.wallMillis());
        }
    },

    A_LAPSED_LEASE_IS_RENEWED {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean isRenewed(Lease lease) {
                    return true;
                }
            };
        }
    },

    A_LAPSED_LEASE_IS_TAKEN_UP_WITHOUT_ROOM {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean hasRoomAgain(BigDecimal inUse, BigDecimal room) {
                    return true;
                }
            };
        }
    },

    A_LATE_QUESTION_IS_TAKEN {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean isOutdated(Lease lease, long turn) {
                    return false;
                }
            };
        }
    },

    A_BOOKING_TAKES_FROM_A_LATER_LEASE {
        @Override
        SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
            return new SimDatabase(clock, leaseTime) {
                @Override
                boolean takes(Lease lease, LeaseShare share) {
                    return true;
                }
            };
        }
    },

    WHAT_IS_IDLE_IS_NOT_HANDED_OVER {
        @Override
        LeaseDesk desk(LeasePolicy policy, Ticks ticks, Clock clock) {
            return new LeaseDesk(policy, ticks, clock) {
                @Override
                void recalled(Set<CounterId> recalled) {
                    super.recalled(Set.of());
                }
            };
        }
    },

    COST_ABOVE_THE_ESTIMATE_IS_CUT {
        @Override
        void book(SimDatabase database, Event event) {
            BigDecimal reserved = event.shares().stream()
                    .map(LeaseShare::amount)
                    .max(BigDecimal::compareTo)
                    .orElse(event.cost());
            database.book(new Event(
                    event.id(),
                    event.start(),
                    event.cost().min(reserved),
                    event.counters(),
                    event.holder(),
                    event.shares()));
        }
    },

    A_HOLD_THAT_MAY_BE_BOOKED_BECOMES_IDLE {
        @Override
        void unsettle(Hold hold) {
            // As if it were certain that nothing was booked, nor ever will be.
        }
    };

    SimDatabase database(Supplier<Instant> clock, Duration leaseTime) {
        return new SimDatabase(clock, leaseTime);
    }

    Slice slice(CounterId counter, long epoch) {
        return new Slice(counter, epoch);
    }

    /** When a holder stops using a lease. */
    Deadline deadline(Deadline real) {
        return real;
    }

    LeaseDesk desk(LeasePolicy policy, Ticks ticks, Clock clock) {
        BiFunction<CounterId, Long, Slice> slices = this::slice;
        return new LeaseDesk(policy, ticks, clock) {
            @Override
            Slice newSlice(CounterId counter, long epoch) {
                return slices.apply(counter, epoch);
            }

            @Override
            Deadline validUntil(long sentNanos, long sentWallMillis) {
                return deadline(super.validUntil(sentNanos, sentWallMillis));
            }
        };
    }

    void book(SimDatabase database, Event event) {
        database.book(event);
    }

    void unsettle(Hold hold) {
        hold.slice().unsettle(hold);
    }

    /** A slice that can go on with what it had before its last question. */
    private static final class Forgetful extends Slice {
        private @Nullable Answer last;
        private Deadline until = Deadline.OVER;
        private long grantedAt;
        private @Nullable BigDecimal askedIdle;

        Forgetful(CounterId counter, long epoch) {
            super(counter, epoch);
        }

        @Override
        synchronized Question ask(long least, long need, long more) {
            Question question = super.ask(least, need, more);
            askedIdle = question.idle();
            return question;
        }

        @Override
        synchronized void granted(Answer answer, Deadline validUntil, long nanos) {
            super.granted(answer, validUntil, nanos);
            last = answer;
            until = validUntil;
            grantedAt = nanos;
        }

        @Override
        synchronized void renewed(Deadline validUntil) {
            super.renewed(validUntil);
            until = validUntil;
        }

        synchronized void asIfNotAsked() {
            Answer before = last;
            if (before != null && before.granted() != null && askedIdle != null) {
                super.granted(
                        new Answer(
                                before.status(),
                                askedIdle,
                                true,
                                before.epoch(),
                                before.state(),
                                before.othersSetAt(),
                                before.windowStart(),
                                before.limitUntil(),
                                before.answeredAt()),
                        until,
                        grantedAt);
                open();
            }
        }
    }
}
