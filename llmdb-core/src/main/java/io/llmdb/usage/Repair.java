package io.llmdb.usage;

import java.util.List;

/**
 * What a repair of the books did.
 *
 * @param verification what was found before
 * @param repaired what was set
 * @param left what was not: rows that are missing from the log or too many there, which nobody can make up, and what
 *     agreed by the time the locks were there
 */
public record Repair(Verification verification, List<Difference> repaired, List<Difference> left) {

    /** Copies the lists. */
    public Repair {
        repaired = List.copyOf(repaired);
        left = List.copyOf(left);
    }

    /** @return the lists as lines, for people */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        repaired.forEach(difference -> text.append("Set: ").append(difference).append('\n'));
        left.forEach(difference -> text.append("Left: ").append(difference).append('\n'));
        return text.append(repaired.size())
                .append(" set, ")
                .append(left.size())
                .append(" left as they are")
                .toString();
    }
}
