package io.llmdb.limits;

import io.llmdb.limits.LimitStore.Answer;
import io.llmdb.limits.LimitStore.Question;
import io.llmdb.limits.LimitStore.Reply;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Faults planted on purpose, to see that the simulation finds each of them. Its instances hear the database's clock at
 * once and never stand still, so faults that show only then are none of these.
 */
enum LimitBug {
    NONE,

    THE_SAME_ROOM_IS_GRANTED_TWICE {
        @Override
        long others(long amount) {
            return 0;
        }
    },

    ONE_MORE_IS_GRANTED_THAN_IS_LEFT {
        @Override
        long limit(long limit) {
            return limit + 1;
        }
    },

    ONE_LESS_IS_GRANTED_THAN_IS_LEFT {
        @Override
        long limit(long limit) {
            return limit - 1;
        }
    },

    NOBODY_IS_ASKED_TO_HAND_BACK {
        @Override
        boolean recalls() {
            return false;
        }
    },

    NOBODY_HEARS_THAT_HE_IS_ASKED_TO_HAND_BACK {
        @Override
        Set<LimitId> recalled(Set<LimitId> ids) {
            return Set.of();
        }
    },

    A_MINUTE_BEGINS_LATE {
        @Override
        Instant time(Instant now) {
            return now.minusSeconds(2);
        }
    },

    WHAT_WAS_USED_IS_NOT_TOLD {
        @Override
        Question asked(Question q) {
            return new Question(
                    q.id(),
                    q.minute(),
                    q.kept() == null ? null : 0L,
                    q.charge(),
                    q.least(),
                    q.need(),
                    q.extra(),
                    q.limit());
        }
    },

    WHAT_IS_OWED_IS_NOT_TOLD {
        @Override
        Question asked(Question q) {
            return new Question(q.id(), q.minute(), q.kept(), 0, q.least(), q.need(), q.extra(), q.limit());
        }
    },

    WHAT_IS_OWED_COUNTS_TWICE {
        @Override
        Question asked(Question q) {
            return new Question(
                    q.id(), q.minute(), q.kept(), q.charge() * 2, q.least(), q.need(), q.extra(), q.limit());
        }
    },

    AN_ANSWER_TELLS_MORE_THAN_WAS_GRANTED {
        @Override
        Answer answered(Answer a) {
            return new Answer(
                    a.minute(),
                    a.kept(),
                    a.granted() + (a.refused() ? 0 : 1),
                    a.used(),
                    a.room(),
                    a.refused(),
                    a.contended(),
                    a.recallsPending());
        }
    },

    SLOTS_LAPSE_ALTHOUGH_THEY_ARE_RENEWED {
        @Override
        Duration renewedFor(Duration leaseTime) {
            return Duration.ZERO;
        }
    },

    A_RELEASE_IS_LOST {
        @Override
        void release(LimitHold hold) {}
    },

    A_SETTLEMENT_IS_LOST {
        @Override
        void settle(LimitHold hold, long estimate, long tokens) {}
    },

    A_SETTLEMENT_GIVES_EVERYTHING_BACK {
        @Override
        void settle(LimitHold hold, long estimate, long tokens) {
            hold.release();
        }
    },

    TOKENS_ABOVE_THE_ESTIMATE_ARE_CUT {
        @Override
        void settle(LimitHold hold, long estimate, long tokens) {
            hold.settle(Math.min(estimate, tokens));
        }
    },

    TOKENS_BELOW_THE_ESTIMATE_ARE_NOT_GIVEN_BACK {
        @Override
        void settle(LimitHold hold, long estimate, long tokens) {
            hold.settle(Math.max(estimate, tokens));
        }
    },

    THE_TIME_TO_TRY_AGAIN_IS_A_SECOND_OFF {
        @Override
        Reply replied(Reply reply) {
            return new Reply(reply.now().plusSeconds(1), reply.answers());
        }
    };

    static Stream<LimitBug> planted() {
        return Stream.of(values()).filter(bug -> bug != NONE);
    }

    // In the database.

    long others(long amount) {
        return amount;
    }

    long limit(long limit) {
        return limit;
    }

    boolean recalls() {
        return true;
    }

    Instant time(Instant now) {
        return now;
    }

    Duration renewedFor(Duration leaseTime) {
        return leaseTime;
    }

    // On the way to it and back.

    Question asked(Question question) {
        return question;
    }

    Answer answered(Answer answer) {
        return answer;
    }

    Reply replied(Reply reply) {
        return reply;
    }

    Set<LimitId> recalled(Set<LimitId> ids) {
        return ids;
    }

    // In the instance.

    void release(LimitHold hold) {
        hold.release();
    }

    void settle(LimitHold hold, long estimate, long tokens) {
        hold.settle(tokens);
    }

    final LimitStore between(LimitStore store) {
        return this == NONE ? store : new Between(store);
    }

    private final class Between implements LimitStore {
        private final LimitStore store;

        Between(LimitStore store) {
            this.store = store;
        }

        @Override
        public Reply grant(List<Question> questions) {
            Reply reply =
                    store.grant(questions.stream().map(LimitBug.this::asked).collect(Collectors.toList()));
            return replied(new Reply(
                    reply.now(),
                    reply.answers().stream().map(LimitBug.this::answered).collect(Collectors.toList())));
        }

        @Override
        public Set<LimitId> renew() {
            return store.renew();
        }

        @Override
        public Set<LimitId> recalled() {
            return LimitBug.this.recalled(store.recalled());
        }

        @Override
        public void returnSlots() {
            store.returnSlots();
        }

        @Override
        public void tidy() {
            store.tidy();
        }
    }
}
