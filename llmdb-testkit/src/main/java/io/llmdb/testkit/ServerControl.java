package io.llmdb.testkit;

/** What can be done to a server's processes. */
interface ServerControl {

    /** Stops it as a crash does (pg_ctl's "immediate"); its sessions end, what was not committed is gone. */
    void stop();

    /** Ends all its processes by SIGKILL. */
    void kill();

    /** Starts it again on the same port and data. */
    void start();

    /** Halts all its processes; sockets stay open and nobody answers. */
    void pause();

    /** Lets them go on. */
    void resume();

    /** One that refuses all of it. */
    static ServerControl unsupported(String kind) {
        return new ServerControl() {
            @Override
            public void stop() {
                refuse("stopped");
            }

            @Override
            public void kill() {
                refuse("killed");
            }

            @Override
            public void start() {
                refuse("started");
            }

            @Override
            public void pause() {
                refuse("paused");
            }

            @Override
            public void resume() {
                refuse("resumed");
            }

            private void refuse(String what) {
                throw new TestkitException("The server is " + kind + " and cannot be " + what
                        + " from a test: run it with " + TestSettings.POSTGRES + "=" + TestSettings.EMBEDDED
                        + ", or cut its connections with a TcpProxy");
            }
        };
    }
}
