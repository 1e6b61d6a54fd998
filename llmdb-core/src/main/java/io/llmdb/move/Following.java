package io.llmdb.move;

import io.llmdb.internal.DbErrors;
import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.MoveState.Move;
import java.sql.SQLException;
import java.util.LinkedHashSet;
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
        }
        if (before != null) {
            return new FollowReport(
                    before.slot() == null ? FollowMethod.ROW_VERSIONS : FollowMethod.LOGICAL_REPLICATION, "");
        }
        if (wanted != FollowMethod.ROW_VERSIONS) {
            if (obstacle.isEmpty()) {
                obstacle = bySlot();
            }
            if (obstacle.isEmpty()) {
                return new FollowReport(FollowMethod.LOGICAL_REPLICATION, "");
            }
            if (wanted == FollowMethod.LOGICAL_REPLICATION) {
                throw new MoveException("The source cannot be followed by logical replication: " + obstacle
                        + ". It needs wal_level = logical, a free replication slot, a role with REPLICATION that may"
                        + " create a publication; or follow by row versions, which needs none of it");
            }
        }
        byTriggers();
        return new FollowReport(FollowMethod.ROW_VERSIONS, obstacle);
    }

    private void byTriggers() throws SQLException {
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
            slot.drop();
            return String.valueOf(MoveFailures.message(e));
        }
    }

    /**
     * Whether the server will not, rather than cannot be reached: no right, a setting, no slot left, a transaction that
     * does not end.
     */
    private static boolean isRefusal(SQLException failure) {
        String state = DbErrors.sqlState(failure);
        return state != null
                && Set.of("42501", "55000", "53400", "57014", "0A000", "58P01", "42883")
                        .contains(state);
    }

    private Set<String> tables() {
        Set<String> tables = new LinkedHashSet<>();
        Catalogue.keyed(choice).stream().map(Keyed::name).forEach(tables::add);
        Feed.of(choice).stream().map(feed -> feed.source().name()).forEach(tables::add);
        return tables;
    }

    /** What has changed up to a snapshot. */
    Noted noted(Snapshot snapshot, Shapes shapes) throws SQLException {
        Followed followed = Followed.find(snapshot.session(), move.id());
        if (followed == null) {
            return Noted.NOTHING;
        }
        if (followed.slot() == null) {
            return new Noted(followed.since(), null);
        }
        if (slot.isUsable(snapshot.session())) {
            return new Noted(followed.since(), slot.read(snapshot, shapes));
        }
        LOG.warn(
                "Replication slot {} is gone, or the server has dropped what it needs; this pass asks the rows instead, and a"
                        + " new one is made",
                slot.name());
        String obstacle = bySlot();
        if (!obstacle.isEmpty()) {
            LOG.warn("No new slot: {}; from now on the rows are asked", obstacle);
            byTriggers();
        }
        return Noted.NOTHING;
    }

    /** What was noted is on the target. */
    void brought(Noted noted, Snapshot snapshot) throws SQLException {
        if (noted.changes() != null) {
            slot.forget(noted.changes());
        } else if (noted.since() != null) {
            Witness.trim(source, snapshot.xmin());
        }
    }

    /** How much of its write-ahead log the source keeps for the move. */
    long heldBytes(Noted noted) throws SQLException {
        return noted.changes() == null ? 0 : slot.heldBytes();
    }

    /** Whether the source notes anything for this move, complete or not. */
    boolean leavesTraces() throws SQLException {
        if (slot.leavesTraces()) {
            return true;
        }
        try (Session from = Session.read(source)) {
            return Followed.find(from, move.id()) != null || Witness.isInstalled(from);
        }
    }

    /** Has the source note nothing any more, and takes away what did. */
    void stop() throws SQLException {
        slot.drop();
        boolean triggers;
        try (Session from = Session.read(source)) {
            triggers = Witness.isInstalled(from);
        }
        if (triggers) {
            Witness.remove(source);
        }
        Followed.forget(source);
    }
}
