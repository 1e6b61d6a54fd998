package io.llmdb.move;

import io.llmdb.internal.DbErrors;
import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.MoveState.Move;
import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has the source note what changes, in one way or the other, and reads what it noted. */
final class Following {

    private static final Logger LOG = LoggerFactory.getLogger(Following.class);

    private final MoveEndpoint source;
    private final MoveChoice choice;
    private final Move move;
    private final ReplicationSlot slot;

    Following(MoveEndpoint source, MoveChoice choice, Move move) {
        this.source = source;
        this.choice = choice;
        this.move = move;
        this.slot = new ReplicationSlot(source, move.id());
    }

    /** @param wanted the method; null: logical replication where the server allows it */
    FollowReport start(@Nullable FollowMethod wanted) throws SQLException {
        Followed before;
        String obstacle;
        try (Session from = Session.read(source)) {
            before = Followed.find(from, move.id());
            obstacle = wanted == FollowMethod.ROW_VERSIONS ? "" : ReplicationSlot.obstacle(from);
            List<String> others = slot.others(from);
            if (!others.isEmpty()) {
                LOG.warn(
                        "Slots of other moves keep the source's write-ahead log too; drop them if those were given up: {}",
                        others);
            }
        }
        if (before != null) {
            FollowReport present = report(before.slot() != null, "");
            if (wanted == null || wanted == present.method()) {
                return present;
            }
            if (obstacle.isEmpty()) {
                stop();
            }
        }
        if (wanted != FollowMethod.ROW_VERSIONS) {
            if (obstacle.isEmpty()) {
                obstacle = bySlot();
            }
            if (obstacle.isEmpty()) {
                return report(true, "");
            }
            if (wanted == FollowMethod.LOGICAL_REPLICATION) {
                if (before != null) {
                    byTriggers();
                }
                throw new MoveException("The source cannot be followed by logical replication: " + obstacle
                        + ". It needs wal_level = logical, a free replication slot, a role with REPLICATION that may"
                        + " create a publication; or follow by row versions, which needs none of it");
            }
        }
        byTriggers();
        return report(false, obstacle);
    }

    private FollowReport report(boolean bySlot, String reason) {
        return bySlot
                ? new FollowReport(FollowMethod.LOGICAL_REPLICATION, slot.name(), reason)
                : new FollowReport(FollowMethod.ROW_VERSIONS, null, reason);
    }

    private void byTriggers() throws SQLException {
        slot.drop();
        Witness.install(source);
        Followed.remember(source, move.id(), null);
    }

    /** Returns why it is not possible; empty: it is done. */
    private String bySlot() throws SQLException {
        try {
            slot.drop();
            slot.create(tables());
            Followed.remember(source, move.id(), slot.name());
            return "";
        } catch (SQLException e) {
            if (!isRefusal(e)) {
                throw e;
            }
            clear();
            return String.valueOf(MoveFailures.message(e));
        } catch (MoveException e) {
            clear();
            return String.valueOf(e.getMessage());
        }
    }

    /** A publication without a slot costs nothing, so that it cannot be taken away either must not hide why. */
    private void clear() {
        try {
            slot.drop();
        } catch (SQLException | MoveException e) {
            LOG.warn("Publication {} stays on the source: {}", slot.name(), e.getMessage());
        }
    }

    /**
     * Whether the server will not, rather than cannot be reached: no right, a setting, no slot left, a lock or a
     * transaction that does not end.
     */
    private static boolean isRefusal(SQLException failure) {
        String state = DbErrors.sqlState(failure);
        return state != null
                && Set.of("42501", "55000", "53400", "57014", "55P03", "0A000", "58P01", "42883")
                        .contains(state);
    }

    private Set<String> tables() {
        Set<String> tables = new LinkedHashSet<>();
        Catalogue.keyed(choice).stream().map(Keyed::name).forEach(tables::add);
        Feed.of(choice).stream().map(feed -> feed.source().name()).forEach(tables::add);
        return tables;
    }

    /**
     * What has changed up to a snapshot.
     *
     * @param last whether nothing changes any more, so that no slot is made anew
     */
    Noted noted(Snapshot snapshot, Shapes shapes, boolean last) throws SQLException {
        Followed followed = Followed.find(snapshot.session(), move.id());
        if (followed == null) {
            // Ended on the way from one slot to the next, or somebody deleted the fact.
            if (move.phase() == MovePhase.FOLLOWING && !last) {
                start(null);
            }
            return Noted.NOTHING;
        }
        if (followed.slot() == null) {
            return new Noted(followed.since(), null);
        }
        if (slot.isUsable(snapshot.session(), tables())) {
            return new Noted(followed.since(), slot.read(snapshot, shapes));
        }
        LOG.warn(
                "Replication slot {} is gone, its publication is another one, or the server has dropped what it needs; this"
                        + " pass asks the rows instead",
                slot.name());
        if (!last) {
            // A new slot knows nothing of the time before it, so nobody may take it for the old one.
            Followed.forget(source, move.id());
            String obstacle = bySlot();
            if (!obstacle.isEmpty()) {
                LOG.warn("No new slot: {}; from now on the rows are asked", obstacle);
                byTriggers();
            }
        }
        return Noted.NOTHING;
    }

    /**
     * What was noted up to a snapshot is on the target; returns how much of its log the source still keeps for the
     * move.
     */
    long brought(Noted noted, Snapshot snapshot) throws SQLException {
        if (noted.since() == null) {
            return 0;
        }
        try (Session session = Session.write(source)) {
            Followed.raise(session, move.id(), snapshot.xmin());
            if (noted.changes() == null) {
                Witness.trim(session);
            }
            session.commit();
        }
        if (noted.changes() == null) {
            return 0;
        }
        slot.forget(noted.changes());
        return slot.heldBytes();
    }

    /** Whether the source notes anything for this move, complete or not. */
    boolean leavesTraces() throws SQLException {
        if (slot.leavesTraces()) {
            return true;
        }
        try (Session from = Session.read(source)) {
            return Followed.find(from, move.id()) != null
                    || Witness.isInstalled(from) && !Followed.byTriggersElsewhere(from, move.id());
        }
    }

    /** Has the source note nothing any more for this move, and takes away what did. */
    void stop() throws SQLException {
        slot.drop();
        boolean triggers;
        try (Session from = Session.read(source)) {
            triggers = Witness.isInstalled(from) && !Followed.byTriggersElsewhere(from, move.id());
        }
        if (triggers) {
            Witness.remove(source);
        }
        Followed.forget(source, move.id());
    }
}
