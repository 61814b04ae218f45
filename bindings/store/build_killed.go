package store

// EndKilled tells how many processes of RUN killed builds have left. They have
// ended with their build, whatever killed it; what else they have left, files
// and mounts, Open has removed.
func (s *Store) EndKilled() (ended int, err error) {
	return s.killed, nil
}
