package io.llmdb.tests.move;

import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveChoice;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.move.MovePhase;
import io.llmdb.move.PassReport;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.TestDatabase;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A process that moves a database and may be killed at any moment: does whatever comes next until it is told to stop.
 */
public final class MoveTool {

    private MoveTool() {}

    static ChildJvm.Builder between(TestDatabase source, TestDatabase target) {
        return ChildJvm.of(MoveTool.class)
                .arguments(
                        source.jdbcUrl(),
                        source.user(),
                        source.password(),
                        source.schema(),
                        target.jdbcUrl(),
                        target.user(),
                        target.password(),
                        target.schema())
                .jvmOptions("-Xmx64m");
    }

    /** Copies, follows and passes for ever; a last argument "cutOver" ends it so instead. */
    public static void main(String[] arguments) throws InterruptedException {
        DatabaseMove move = DatabaseMove.from(endpoint(arguments, 0, "old"))
                .to(endpoint(arguments, 4, "new"))
                .choice(MoveChoice.everything())
                .parallelism(2)
                .build();
        boolean cutOver = arguments.length > 8 && arguments[8].equals("cutOver");
        MovePhase phase = move.status().phase();
        System.out.println("begins at " + phase);
        if (phase == MovePhase.NONE || phase == MovePhase.COPYING) {
            System.out.println("copied " + move.copy(progress -> System.out.println("progress " + progress)));
            phase = MovePhase.COPIED;
        }
        if (phase == MovePhase.COPIED) {
            System.out.println("follows by " + move.follow().method());
            phase = MovePhase.FOLLOWING;
        }
        if (cutOver) {
            System.out.println("cut over " + move.cutOver("new"));
            return;
        }
        while (true) {
            PassReport pass = move.pass();
            System.out.println("pass " + pass);
            Thread.sleep(200);
        }
    }

    private static MoveEndpoint endpoint(String[] arguments, int from, String name) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(arguments[from]);
        source.setUser(arguments[from + 1]);
        source.setPassword(arguments[from + 2]);
        return new MoveEndpoint(source, arguments[from + 3], name);
    }
}
