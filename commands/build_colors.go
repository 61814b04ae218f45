package commands

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/morikuni/aec"
)

// buildColors are those of what becomes of a step: nil is the terminal's own.
type buildColors struct{ run, canceled, warning, failed, faint aec.ANSI }

// newBuildColors reads NO_COLOR and BUILDKIT_COLORS, NAME=COLOR:…, and says on
// out what it does not understand of it.
// Source: https://docs.docker.com/build/building/variables/#buildkit_colors
func newBuildColors(out io.Writer) buildColors {
	if os.Getenv("NO_COLOR") != "" {
		return buildColors{}
	}
	colors := buildColors{run: aec.BlueF, canceled: aec.YellowF, warning: aec.YellowF, failed: aec.RedF, faint: aec.Faint}
	places := map[string]*aec.ANSI{"run": &colors.run, "cancel": &colors.canceled, "warning": &colors.warning, "error": &colors.failed}
	for field := range strings.SplitSeq(os.Getenv("BUILDKIT_COLORS"), ":") {
		name, text, _ := strings.Cut(field, "=")
		place, color := places[strings.ToLower(name)], parseColor(strings.ToLower(text))
		switch {
		case place != nil && color != nil:
			*place = color
		case field != "":
			fmt.Fprintf(out, "WARNING: BUILDKIT_COLORS: %q is none of run, cancel, warning and error with a color (run=green, run=0,255,0)\n", field)
		}
	}
	return colors
}

// parseColor reads a color's name, or R,G,B; nil is none.
func parseColor(text string) aec.ANSI {
	named := map[string]aec.ANSI{
		"black": aec.BlackF, "red": aec.RedF, "green": aec.GreenF, "yellow": aec.YellowF,
		"blue": aec.BlueF, "magenta": aec.MagentaF, "cyan": aec.CyanF, "white": aec.WhiteF,
		"light-black": aec.LightBlackF, "light-red": aec.LightRedF, "light-green": aec.LightGreenF, "light-yellow": aec.LightYellowF,
		"light-blue": aec.LightBlueF, "light-magenta": aec.LightMagentaF, "light-cyan": aec.LightCyanF, "light-white": aec.LightWhiteF,
	}
	if color := named[text]; color != nil {
		return color
	}
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return nil
	}
	var rgb [3]uint8
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return nil
		}
		rgb[i] = uint8(n)
	}
	return aec.FullColorF(rgb[0], rgb[1], rgb[2])
}
