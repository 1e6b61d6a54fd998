package io.llmdb.limits;

import java.time.Instant;
import java.util.UUID;

/** What a simulation needs of a database: stores for holders, a clock that it sets, and a look at the rows. */
interface SimulatedDatabase {

    LimitStore store(UUID holder);

    /** Sets the database's clock. */
    void setTime(Instant now);

    /** What the row of a holder counts at this moment, in the present minute or as slots that have not lapsed. */
    long held(LimitId id, UUID holder);
}
