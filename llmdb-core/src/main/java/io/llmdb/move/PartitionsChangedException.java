package io.llmdb.move;

/** The partitions of the source's logs changed while they were read; at another moment it will do. */
final class PartitionsChangedException extends MoveException {

    private static final long serialVersionUID = 1L;

    PartitionsChangedException() {
        super("Partitions of the source's logs are made, attached or taken away again and again while they are read:"
                + " nothing is half done; call again when that is over");
    }
}
