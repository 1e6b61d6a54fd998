package io.llmdb.examples.gateway.demo;

import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.move.MovePhase;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** A process that brings one database near another and may be killed at any moment. */
public final class MovingTool {

    private static final long PAUSE_MILLIS = 200;

    private MovingTool() {}

    static DatabaseMove between(DataSource source, DataSource target) {
        return DatabaseMove.from(new MoveEndpoint(source, "llmdb", "old"))
                .to(new MoveEndpoint(target, "llmdb", "new"))
                // The gateway, its clients and both servers are on the same machine.
                .parallelism(1)
                .build();
    }

    /**
     * Copies, or goes on copying, then follows for ever.
     *
     * @param arguments URL, user and password of the one side, then of the other
     * @throws InterruptedException never
     */
    public static void main(String[] arguments) throws InterruptedException {
        DatabaseMove move = between(side(arguments, 0), side(arguments, 3));
        MovePhase phase = move.status().phase();
        if (phase == MovePhase.NONE || phase == MovePhase.COPYING) {
            move.copy(progress -> System.out.println("progress " + progress));
        }
        if (phase != MovePhase.FOLLOWING) {
            move.follow();
        }
        while (true) {
            System.out.println("pass " + move.pass());
            Thread.sleep(PAUSE_MILLIS);
        }
    }

    private static DataSource side(String[] arguments, int from) {
        PGSimpleDataSource side = new PGSimpleDataSource();
        side.setUrl(arguments[from]);
        side.setUser(arguments[from + 1]);
        side.setPassword(arguments[from + 2]);
        return side;
    }
}
