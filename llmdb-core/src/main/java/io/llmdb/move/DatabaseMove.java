package io.llmdb.move;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.move.MoveState.Move;
import io.llmdb.schema.SchemaMigrator;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves a database to another server, or into another schema, while it is in use.
 *
 * <pre>{@code
 * DatabaseMove move = DatabaseMove.from(old).to(fresh).choice(MoveChoice.everything()).build();
 * move.copy(progress -> {});               // one moment of the source, verified
 * move.follow();                           // the source notes what changes
 * move.pass();                             // brings it over; again and again
 * move.cutOver("new-host:5432/llm");       // fences the old side, brings the rest, verifies, opens the new side
 * }</pre>
 *
 * <p>All that is known of a move stands in tables on its two sides. So any step may be ended by anything, kill -9
 * included, and the same call goes on from there; and another process may make the next step. Two processes cannot work
 * on one target at once. {@link #abandon()} undoes it all at any moment before the cut-over is done.
 *
 * <p>Immutable and safe for use by several threads; a step that runs keeps the others out.
 */
public final class DatabaseMove {

    /** How many connections to each side a copy uses where nothing else is said. */
    public static final int DEFAULT_PARALLELISM = 4;

    /** A guess of what goes over in a second, before anything was measured. */
    private static final long BYTES_PER_SECOND = 25_000_000;

    private static final Logger LOG = LoggerFactory.getLogger(DatabaseMove.class);

    private final MoveEndpoint source;
    private final MoveEndpoint target;
    private final MoveChoice choice;
    private final int parallelism;
    private final boolean merge;
    private final @Nullable FollowMethod followMethod;
    private final Sides sides;

    private DatabaseMove(Builder builder) {
        this.source = builder.source;
        this.target = Objects.requireNonNull(builder.target, "target");
        this.choice = builder.choice;
        this.parallelism = builder.parallelism;
        this.merge = builder.merge;
        this.followMethod = builder.followMethod;
        this.sides = new Sides(source, target, choice, parallelism);
    }

    /**
     * Begins to describe a move.
     *
     * @param source the database that is in use
     * @return a builder
     */
    public static Builder from(MoveEndpoint source) {
        return new Builder(source);
    }

    /**
     * What a copy would do, and why it would be refused, if it would. Changes nothing.
     *
     * @return the plan
     * @throws MoveException where a side cannot be read
     */
    public MovePlan plan() {
        return step("Planning", "plan", () -> {
            Checks checks = new Checks(source, target, choice, merge);
            checks.run();
            List<MovePlan.PlannedTable> tables = List.of();
            if (checks.problems().isEmpty()) {
                try (Session from = Session.read(source)) {
                    tables = Planned.tables(from, choice);
                }
            }
            long rows = tables.stream().mapToLong(MovePlan.PlannedTable::rows).sum();
            long bytes = tables.stream().mapToLong(MovePlan.PlannedTable::bytes).sum();
            return new MovePlan(
                    tables,
                    rows,
                    bytes,
                    Duration.ofSeconds(1 + bytes / BYTES_PER_SECOND),
                    checks.notes(),
                    checks.problems());
        });
    }

    /**
     * Copies one moment of the source and compares it. Migrates the target where that is needed; nothing but the move
     * can write there until the cut-over. Called again after an interruption it goes on; called again after it was
     * complete it brings the target up to the present. Writes nothing to the source, and needs no more than reading
     * there.
     *
     * @param listener is told of the progress, a few times a second, on several threads, one after the other
     * @return what was done
     * @throws MoveException where it is refused or fails
     */
    public CopyReport copy(Consumer<MoveProgress> listener) {
        return step("Copying", "copy", () -> {
            try (Session lock = lock()) {
                long start = System.nanoTime();
                prepareTarget();
                LOG.debug("Preparing took {} ms", (System.nanoTime() - start) / 1_000_000);
                Move move = requirePhase("copy", MovePhase.COPYING, MovePhase.COPIED);
                CopyReport report = new Copying(sides, move, listener).run();
                lock.rollback();
                return report;
            }
        });
    }

    /**
     * Has the source note from now on what changes, by the {@linkplain Builder#followBy method} that was asked for, or
     * else by logical replication where the server and the role allow it and by row versions where they do not. Needs a
     * role that owns the source's tables. Doing it again changes nothing, unless another method is asked for, which
     * then takes the place of the first.
     *
     * <p>With logical replication the server keeps its write-ahead log until a pass has read it: make passes, or
     * {@link #abandon()}.
     *
     * @return how the source is followed
     * @throws MoveException where there is no complete copy, the method that was asked for is not to be had, or it
     *     fails
     */
    public FollowReport follow() {
        return step("Following", "follow", () -> {
            try (Session lock = lock()) {
                Move move = requirePhase("follow", MovePhase.COPIED, MovePhase.FOLLOWING);
                try (Session from = Session.read(source)) {
                    Checks.requireSourceOwner(from);
                    CutOver.requireNotMovedElsewhere(from, move);
                }
                FollowReport report = new Following(source, choice, move).start(followMethod);
                LOG.info(
                        "The source is followed by {}{}",
                        report.method(),
                        report.reason().isEmpty() ? "" : ", because " + report.reason());
                sides.phase(MovePhase.FOLLOWING);
                lock.rollback();
                return report;
            }
        });
    }

    /**
     * Brings over what changed since the last pass: afterwards the target is what the source was when this began. The
     * first pass after {@link #follow()} reads the logs as a whole.
     *
     * @return what it brought
     * @throws MoveException where the source is not followed, or it fails; the target is then what it was before
     */
    public PassReport pass() {
        return step("Following", "pass", () -> {
            try (Session lock = lock()) {
                Move move = requirePhase("pass", MovePhase.FOLLOWING);
                Shapes shapes = sides.shapes();
                PassReport report = sides.atOneMoment(
                        snapshot -> sides.pass(move, snapshot, shapes).report());
                lock.rollback();
                return report;
            }
        });
    }

    /**
     * Brings the target up to the present and compares every table and partition, those included that were compared
     * before.
     *
     * @return how much was compared
     * @throws MoveException where there is a difference, or no complete copy
     */
    public MoveVerification verify() {
        return step("Verifying", "verify", () -> {
            long start = System.nanoTime();
            try (Session lock = lock()) {
                Move move = requirePhase("verify", MovePhase.COPIED, MovePhase.FOLLOWING);
                Shapes shapes = sides.shapes();
                MoveVerification report = sides.atOneMoment(snapshot -> {
                    sides.pass(move, snapshot, shapes);
                    Verifier verifier = new Verifier(snapshot, target, choice, shapes);
                    verifier.keyed(parallelism);
                    verifier.logs(sides.units(), true, parallelism, new Meter(progress -> {}, 0, 0));
                    return new MoveVerification(verifier.rows(), Duration.ofNanos(System.nanoTime() - start));
                });
                lock.rollback();
                return report;
            }
        });
    }

    /**
     * Makes the target the database. Brings over what is missing, compares, tells the old side's proxies that it has
     * moved, refuses every further write there once those under way have ended, brings over the rest, compares it, and
     * opens the target. Where something fails the old side is opened again and nothing has changed; where this process
     * is killed, the same call goes on, or {@link #abandon()} opens the old side.
     *
     * @param movedTo what the old side's proxies are told, such as {@code new-host:5432/llm}; no password
     * @return what was done
     * @throws MoveException where the source is not followed, or it fails
     */
    public CutOverReport cutOver(String movedTo) {
        Objects.requireNonNull(movedTo, "movedTo");
        return step("Cutting over", "cutOver", () -> {
            try (Session lock = lock()) {
                Move move = requirePhase("cutOver", MovePhase.FOLLOWING, MovePhase.FENCING);
                Shapes shapes = sides.shapes();
                CutOverReport report = new CutOver(sides, move, shapes).run(movedTo);
                lock.rollback();
                return report;
            }
        });
    }

    /**
     * Where the move stands. Reads the target alone.
     *
     * @return the state
     * @throws MoveException where the target cannot be read
     */
    public MoveStatus status() {
        return step("Asking for the state", "status", () -> {
            try (Session to = Session.read(target)) {
                return Planned.status(to);
            }
        });
    }

    /**
     * Undoes the move: the old side is in use as before, without anything of the move, and the target is empty again.
     * What a merge brought stays. Doing it again changes nothing. Where the cut-over is done it is refused, and only
     * takes away what a tool that was killed has left on the old side.
     *
     * @throws MoveException where the cut-over is done, or a side cannot be reached; call it again then
     */
    public void abandon() {
        step("Abandoning", "abandon", () -> {
            try (Session lock = lock();
                    Session probe = Session.read(target)) {
                Move move = MoveState.find(probe);
                probe.rollback();
                if (move == null) {
                    lock.rollback();
                    return false;
                }
                if (move.phase() == MovePhase.MOVED) {
                    takeLeftOversAway(move);
                    throw new MoveException(
                            "The cut-over is done and the target is in use: there is nothing to abandon."
                                    + " To go back, move from there to here");
                }
                requireSameSource(move);
                Following following = new Following(source, choice, move);
                if (move.phase() == MovePhase.FOLLOWING
                        || move.phase() == MovePhase.FENCING
                        || following.leavesTraces()) {
                    Fence.open(source, move.id());
                    following.stop();
                }
                try (Session to = Session.write(target)) {
                    if (move.merged()) {
                        Target.forget(to);
                    } else {
                        Target.empty(to);
                        Fence.openTarget(to);
                    }
                    to.commit();
                }
                lock.rollback();
                return true;
            }
        });
    }

    /** A tool that was killed right behind the cut-over may have left its slot. */
    private void takeLeftOversAway(Move move) {
        try {
            requireSameSource(move);
            Following left = new Following(source, choice, move);
            if (left.leavesTraces()) {
                left.stop();
            }
        } catch (SQLException | MoveException e) {
            LOG.debug("Nothing was taken away from the old side: {}", e.getMessage());
        }
    }

    private void requireSameSource(Move move) throws SQLException {
        try (Session from = Session.read(source)) {
            if (!move.sourceIdentity().equals(Checks.identity(from))) {
                throw new MoveException("The move into this target comes from " + move.sourceName() + ", not from "
                        + source + ": name that source");
            }
        }
    }

    private void prepareTarget() throws SQLException {
        Checks checks = new Checks(source, target, choice, merge);
        checks.run();
        refuse(checks);
        if (!checks.targetIsMigrated()) {
            SchemaMigrator.of(target.dataSource(), target.schema()).migrate();
            checks = new Checks(source, target, choice, merge);
            checks.run();
            refuse(checks);
        }
        String identity;
        try (Session from = Session.read(source)) {
            identity = Checks.identity(from);
        }
        try (Session to = Session.write(target)) {
            if (MoveState.find(to) == null) {
                MoveState.begin(to, identity, source.toString(), choice.json(), merge);
                if (!merge) {
                    Fence.closeTarget(to);
                }
                to.commit();
            }
        }
    }

    private static void refuse(Checks checks) {
        if (!checks.problems().isEmpty()) {
            throw new MoveException(String.join("; ", checks.problems()));
        }
    }

    private Move requirePhase(String step, MovePhase... allowed) throws SQLException {
        try (Session to = Session.write(target)) {
            Move move = MoveState.find(to);
            MovePhase phase = move == null ? MovePhase.NONE : move.phase();
            if (move == null || !List.of(allowed).contains(phase)) {
                throw new MoveException(step + " does not come next: " + Planned.next(phase));
            }
            requireSameSource(move);
            String otherChoice = Checks.otherChoice(to, move, choice);
            if (otherChoice != null) {
                throw new MoveException(otherChoice);
            }
            if (move.merged() && !step.equals("copy")) {
                throw new MoveException("A target that held other data was merged into; it can only be copied to");
            }
            return move;
        }
    }

    /** One process at a time; the lock is a transaction's, and goes with it. */
    private Session lock() throws SQLException {
        Session session = Session.write(target);
        if (!session.is("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", "llmdb move " + target.schema())) {
            session.close();
            throw new MoveException("Another process works on the move into " + target + ": wait until it has ended");
        }
        return session;
    }

    private static <T extends @Nullable Object> T step(String name, String again, Step<T> work) {
        long start = System.nanoTime();
        try {
            T result = work.run();
            LOG.debug("{} took {} ms", again, (System.nanoTime() - start) / 1_000_000);
            return result;
        } catch (SQLException | LlmDbException e) {
            throw MoveFailures.of(name, again, e);
        }
    }

    /** A step of the move. */
    @FunctionalInterface
    private interface Step<T extends @Nullable Object> {
        T run() throws SQLException;
    }

    /** Describes a move. Not safe for use by several threads. */
    public static final class Builder {

        private final MoveEndpoint source;
        private @Nullable MoveEndpoint target;
        private MoveChoice choice = MoveChoice.everything();
        private int parallelism = DEFAULT_PARALLELISM;
        private boolean merge;
        private @Nullable FollowMethod followMethod;

        private Builder(MoveEndpoint source) {
            this.source = Objects.requireNonNull(source, "source");
        }

        /**
         * @param value where the database moves to; the schema is made where it is missing
         * @return this
         */
        public Builder to(MoveEndpoint value) {
            this.target = Objects.requireNonNull(value, "target");
            return this;
        }

        /**
         * @param value what is moved; {@link MoveChoice#everything()} where nothing is said
         * @return this
         */
        public Builder choice(MoveChoice value) {
            this.choice = Objects.requireNonNull(value, "choice");
            return this;
        }

        /**
         * @param connections how many connections to each side a copy uses, beside two that hold moment and lock; from
         *     1 to 64
         * @return this
         */
        public Builder parallelism(int connections) {
            if (connections < 1 || connections > 64) {
                throw new InvalidArgumentException("parallelism " + connections + ": use 1 to 64");
            }
            this.parallelism = connections;
            return this;
        }

        /**
         * Asks for one way to follow the source. Where nothing is said it is logical replication where the server and
         * the role allow it, and row versions where they do not.
         *
         * @param value the method
         * @return this
         */
        public Builder followBy(FollowMethod value) {
            this.followMethod = Objects.requireNonNull(value, "followBy");
            return this;
        }

        /**
         * Lets the target hold other data. Rows are added, and a row of the same key must be the same; such a move can
         * only copy.
         *
         * @return this
         */
        public Builder mergeIntoOtherData() {
            this.merge = true;
            return this;
        }

        /**
         * @return the move; nothing was done yet
         * @throws InvalidArgumentException where no target was named
         */
        public DatabaseMove build() {
            if (target == null) {
                throw new InvalidArgumentException("target: name where the database moves to");
            }
            return new DatabaseMove(this);
        }
    }
}
