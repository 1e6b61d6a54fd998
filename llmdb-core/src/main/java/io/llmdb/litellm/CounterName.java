package io.llmdb.litellm;

/**
 * Names a counter of some kind.
 *
 * @param id what it belongs to
 * @param parent the team or organization of a member; otherwise empty
 */
record CounterName(String id, String parent) implements Comparable<CounterName> {

    static CounterName of(String id) {
        return new CounterName(id, "");
    }

    @Override
    public int compareTo(CounterName other) {
        int byId = id.compareTo(other.id);
        return byId != 0 ? byId : parent.compareTo(other.parent);
    }
}
